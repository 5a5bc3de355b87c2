"""What attributes share."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.ir.attribute import Attribute, whole_numbers
from sightline.ir.errors import UserError


def test_whole_numbers_are_plain() -> None:
    numbers = whole_numbers("kernel", [3, np.int64(5), True])  # type: ignore[list-item]
    assert numbers == (3, 5, 1)
    assert type(numbers[1]) is int


@pytest.mark.parametrize("numbers", [(1.5,), ("1",), 3, None, [[1]]])
def test_other_numbers_are_refused(numbers: object) -> None:
    with pytest.raises(UserError, match=r"^pads .* is no list of whole numbers\.$"):
        whole_numbers("pads", numbers)  # type: ignore[arg-type]


def test_an_attribute_says_how_it_is_written() -> None:
    class Silent(Attribute):
        """Neither written nor read."""

    with pytest.raises(TypeError, match=r"^Silent lacks to_attributes$"):
        Silent().to_attributes()
    with pytest.raises(TypeError, match=r"^Silent lacks from_attributes$"):
        Silent.from_attributes({})
