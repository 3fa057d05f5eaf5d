"""The types of a recipe's values, and the base class of its sections."""

from typing import Optional

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import Annotated

# Errors show a field's description after 'expected'.
MOST = 10 ** 9  # the largest allowed count
Count = Annotated[int, Field(ge=1, le=MOST, description="a whole number of at least 1")]
Limit = Annotated[Optional[int], Field(ge=0, le=MOST, description="a whole number of at least 0, or null")]
Fraction = Annotated[Optional[float], Field(ge=0, le=1, description="a fraction from 0 to 1, or null")]
ErrorLimit = Annotated[Optional[float], Field(ge=0, description="a number of at least 0, or null")]
Share = Annotated[Optional[float], Field(ge=0, lt=1, description="a number of at least 0 and below 1, or null")]


class Section(BaseModel):
    """One section of a recipe. It refuses unknown keys, and values of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
