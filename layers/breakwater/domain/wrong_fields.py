"""What is wrong with a request, said at the field that is to be mended."""

from pydantic_core import PydanticCustomError

WRONG_FIELD = "wrong_field"  # The type of the error; `field` in its context is the name, below the model's own place.


def wrong_field(field: str, message: str) -> PydanticCustomError:
    """What a validator of a whole model raises: several fields disagree, and a form shows that at this one."""
    return PydanticCustomError(WRONG_FIELD, "{message}", {"message": message, "field": field})
