"""The repeatable option `--set KEY=VALUE` as a Luigi parameter."""

import json
from typing import Any, Dict, List, Tuple, Union

import luigi


class SetParameter(luigi.Parameter):
    """A tuple of the KEY=VALUE words, in the order of the command line."""

    @classmethod
    def _parser_kwargs(cls, *args: Any, **kwargs: Any) -> Dict[str, Any]:
        return {**super()._parser_kwargs(*args, **kwargs), "action": "append"}

    def parse(self, words: Union[str, List[str]]) -> Tuple[str, ...]:
        """words: a list from the command line, or the JSON that `serialize` returns."""
        return tuple(json.loads(words) if isinstance(words, str) else words)

    def serialize(self, words: Tuple[str, ...]) -> str:
        """The words as JSON."""
        return json.dumps(list(words))
