"""Published figures are data with a source, marked as quoted, and agree among themselves."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from lightloop.accelerator.quoted import QuotedFigure, quoted, quoted_subjects, read_quoted
from lightloop.errors import InputError

PRINTED = 0.005  # the artefact prints millijoules with two digits


def one(subject: str, what: str) -> float:
    (figure,) = [figure for figure in quoted(subject) if figure.what == what]
    return figure.value


def test_every_figure_is_marked_as_quoted_and_says_where_it_stands() -> None:
    assert len(quoted()) >= 50
    assert all(figure.quoted and len(figure.source) > 10 and figure.unit for figure in quoted())
    assert len({(figure.subject, figure.what) for figure in quoted()}) == len(quoted())
    assert sum(len(quoted(subject)) for subject in quoted_subjects()) == len(quoted())


def test_the_gpus_energy_is_its_power_above_idle_times_its_latency() -> None:
    above_idle_w = one("nvidia-a100", "busy minus idle power, deit-base")
    latency_ms = one("nvidia-a100", "latency, deit-base, batch 1, mixed precision")
    energy_mj = one("nvidia-a100", "energy, deit-base, batch 1, idle power taken off")
    assert above_idle_w * latency_ms == pytest.approx(energy_mj, abs=PRINTED)
    busy_w, idle_w = one("nvidia-a100", "busy power, deit-base, median"), one("nvidia-a100", "idle power")
    assert busy_w - idle_w == pytest.approx(above_idle_w, abs=1.0)  # idle reads 61 to 62 W


def test_simphony_misses_the_published_power_by_two_fifths() -> None:
    area = one("simphony", "area of lt-base, computed") / one("simphony", "area of lt-base, as the paper has it")
    power = one("simphony", "power of lt-base, computed") / one("simphony", "power of lt-base, as the paper has it")
    assert area == pytest.approx(0.992, abs=5e-4)
    assert power == pytest.approx(1.41, abs=5e-3)


def test_the_parts_of_albireo_share_its_area() -> None:
    shares = [figure.value for figure in quoted("albireo") if figure.what.startswith("share")]
    assert sum(shares) == pytest.approx(1.0, abs=0.01)  # each is printed rounded


def test_a_quoted_figure_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        quoted("tempo")[0].value = 1.0  # type: ignore[misc]
    assert quoted("tempo")[0].to_dict()["quoted"] is True


def test_an_unknown_subject_names_the_nearest() -> None:
    with pytest.raises(InputError, match="tempo"):
        quoted("tempoo")


def test_all_mistakes_of_a_table_are_told_at_once() -> None:
    good = {"subject": "x", "what": "power", "value": 1, "unit": "W", "source": "a paper of 2020", "quoted": True}
    assert read_quoted({"figure": [good]}, "f") == (QuotedFigure("x", "power", 1.0, "W", "a paper of 2020"),)
    unmarked = good | {"quoted": False}
    infinite = good | {"value": float("inf")}
    with pytest.raises(InputError) as error:
        read_quoted({"figure": [unmarked, infinite]}, "f")
    assert "figure, entry 1, quoted" in str(error.value)
    assert "figure, entry 2, value" in str(error.value)
