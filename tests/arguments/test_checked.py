# SPDX-License-Identifier: BSD-3-Clause
"""Arguments that do not fit their annotations are told with the allowed ones and the fix."""

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import pytest

import labkit as lk
from labkit.arguments.checked import EVERY, checked
from labkit.arguments.hints import Between, Offers, offers
from labkit.errors import CallError

if TYPE_CHECKING:
    from nowhere import Nothing  # type: ignore[import-not-found]


@checked()
def takes(
    whole: Annotated[int, Between(1, 65535)] = 7,
    real: float = 0.5,
    truth: bool = True,
    text: str = "a",
    sizes: Sequence[int] = (18, 1400),
    names: Iterable[str] = (),
    choice: Literal["pipe", "uniform"] = "pipe",
    where: str | os.PathLike[str] | None = None,
    options: Mapping[str, int] | None = None,
    call: Callable[[], int] | None = None,
    seconds: Annotated[float, Between(0, unit="s")] = 1.0,
    other: "Nothing | None" = None,
    anything: Any = None,
) -> dict[str, Any]:
    return dict(locals())


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"whole": "9000"}, "whole is '9000'; it is a whole number from 1 to 65535, such as 7; "
                            "write 9000"),
        ({"whole": 9000.0}, "whole is 9000.0; it is a whole number from 1 to 65535, such as 7; "
                            "write 9000"),
        ({"whole": 9000.5}, "whole is 9000.5; it is a whole number from 1 to 65535, such as 7"),
        ({"whole": True}, "whole is True; it is a whole number from 1 to 65535, such as 7"),
        ({"whole": None}, "whole is None; it is a whole number from 1 to 65535, such as 7"),
        ({"whole": "ssh"}, "whole is 'ssh'; it is a whole number from 1 to 65535, such as 7"),
        ({"whole": 70000}, "whole is 70000; the range is 1 to 65535"),
        ({"whole": np.int64(0)}, f"whole is {np.int64(0)!r}; the range is 1 to 65535"),
        ({"real": "0.5"}, "real is '0.5'; it is a number, such as 0.5; write 0.5"),
        ({"real": math.nan}, "real is nan; it is a number, such as 0.5"),
        ({"seconds": -1}, "seconds is -1; the range is 0 s or more"),
        ({"seconds": "1 s"}, "seconds is '1 s'; it is a number, 0 s or more, such as 1.0"),
        ({"truth": 1}, "truth is 1; it is True or False"),
        ({"truth": "no"}, "truth is 'no'; it is True or False"),
        ({"text": 5}, "text is 5; it is a text, such as 'a'; write '5'"),
        ({"sizes": 18}, "sizes is 18; it is a list of whole numbers, such as [18, 1400]; "
                        "write [18]"),
        ({"sizes": "18"}, "sizes is '18'; it is a list of whole numbers, such as [18, 1400]; "
                          "write [18]"),
        ({"sizes": [18, "1400"]}, "sizes is [18, '1400']; it is a list of whole numbers, and "
                                  "'1400' is none; write [18, 1400]"),
        ({"sizes": {18: 1}}, "sizes is {18: 1}; it is a list of whole numbers, such as [18, 1400]"),
        ({"names": "10.0.0.2/24"}, "names is '10.0.0.2/24'; it is a list of texts; "
                                   "write ['10.0.0.2/24']"),
        ({"choice": "unifrom"}, "choice is 'unifrom'; it is 'pipe' or 'uniform'; did you mean "
                                "'uniform'?"),
        ({"choice": 5}, "choice is 5; it is 'pipe' or 'uniform'"),
        ({"where": 5}, "where is 5; it is a text, a path or None; write '5'"),
        ({"options": [1]}, "options is [1]; it is a mapping or None"),
        ({"call": 5}, "call is 5; it is a function or None"),
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_fit(given: dict[str, Any], says: str) -> None:
    with pytest.raises(lk.LabError) as refused:
        takes(**given)
    assert str(refused.value) == says


def test_what_fits_arrives_as_pythons_own() -> None:
    taken = takes(
        whole=np.int64(9000),  # type: ignore[arg-type]
        real=np.float32(0.5),  # type: ignore[arg-type]
        truth=np.True_,  # type: ignore[arg-type]
        sizes=np.array([18, 20]),  # type: ignore[arg-type]
        names=(name for name in ("a",)),
        where=Path("x"),
        other=5,
        anything=5,
    )
    assert taken["whole"] == 9000
    assert type(taken["whole"]) is int
    assert type(taken["real"]) is float
    assert taken["truth"] is True
    assert taken["sizes"] == [18, 20]
    assert all(type(size) is int for size in taken["sizes"])
    assert list(taken["names"]) == ["a"], "what can be read once is not read before"
    assert taken["other"] == 5, "what type checkers alone know is left to the function"
    assert takes(real=2)["real"] == 2
    assert takes(whole=1)["whole"] == takes(1)["whole"] == 1


def test_long_values_are_cut() -> None:
    with pytest.raises(lk.LabError, match=r"whole is 'x{80,100}…; it is a whole number"):
        takes(whole="x" * 5000)  # type: ignore[arg-type]


def test_a_call_that_does_not_fit_is_told_as_python_tells_it() -> None:
    with pytest.raises(CallError, match=r"unexpected keyword argument 'size' .*mean 'sizes'\?"):
        takes(size=5)  # type: ignore[call-arg]
    with pytest.raises(
        TypeError, match=r"echo\(\) missing 2 required positional arguments: 'port'"
    ):
        lk.echo()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"takes from 0 to 13 positional arguments but 14 were"):
        takes(*range(14))  # type: ignore[arg-type]


def test_classes_are_checked_where_they_are_made() -> None:
    @checked(lk.PathError, but=("other",))
    class Thing:
        def __init__(self, size: int, other: int = 0) -> None:
            self.size, self.other = size, other

    thing = Thing(5, "x")  # type: ignore[arg-type]
    assert isinstance(thing, Thing)
    assert thing.other == "x"
    with pytest.raises(lk.PathError, match="size is '5'; it is a whole number; write 5"):
        Thing("5")  # type: ignore[arg-type]


def test_a_function_may_check_its_values_itself() -> None:
    @checked(but=EVERY)
    def count(size: int) -> int:
        return size

    assert count("x") == "x"  # type: ignore[arg-type,comparison-overlap]
    with pytest.raises(CallError, match="did you mean 'size'"):
        count(sise=5)  # type: ignore[call-arg]


def test_what_annotations_offer() -> None:
    def of(arguments: Mapping[str, Any]) -> list[str]:
        return [f"{arguments['lab']}/rx", "b"]

    hint = Annotated[str, Offers(of)] | Literal["a", "b"] | None
    assert offers(hint, {"lab": "x"}) == ["a", "b", "x/rx"]
    assert offers(int, {}) == []
