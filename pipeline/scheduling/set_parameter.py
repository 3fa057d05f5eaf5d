"""The repeatable option `--set KEY=VALUE` as a Luigi parameter."""

import json
from typing import Any, Dict, List, Tuple, Union

import luigi


class SetParameter(luigi.Parameter):
    """The words after each `--set`, in order."""

    @classmethod
    def _parser_kwargs(cls, *args: Any, **kwargs: Any) -> Dict[str, Any]:
        return {**super()._parser_kwargs(*args, **kwargs), "action": "append"}

    def parse(self, words: Union[str, List[str]]) -> Tuple[str, ...]:
        """A list from the command line; its JSON from elsewhere."""
        return tuple(json.loads(words) if isinstance(words, str) else words)

    def serialize(self, words: Tuple[str, ...]) -> str:
        """JSON."""
        return json.dumps(list(words))
