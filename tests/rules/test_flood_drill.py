"""How the flood drill judges what it saw: memory that is flat once warm, and requests refused for too many."""

import json

from souk.drills.flood import GROWTH, GROWTH_MEBIBYTES, FloodReport, grown, growth, unshed


def test_the_second_fifth_is_compared_with_the_last() -> None:
    samples = [{"api": float(mebibytes)} for mebibytes in (0, 0, 100, 120, 500, 500, 500, 500, 130, 150)]
    assert growth(samples) == {"api": (110.0, 140.0)}
    assert growth(samples[2:4]) == {"api": (120.0, 120.0)}
    assert growth(samples[2:3]) == {"api": (100.0, 100.0)}


def test_memory_that_grows_past_the_bound_is_a_breach() -> None:
    most = round(100 * GROWTH + GROWTH_MEBIBYTES, 1)
    assert grown({"api": (100.0, most), "worker": (100.0, 90.0)}) == []
    assert grown({"api": (100.0, most + 0.1), "worker": (100.0, 90.0)}) == ["api grew from 100.0 to 194.1 MiB"]


def test_memory_nobody_measured_is_a_breach() -> None:
    assert grown(growth([])) == ["memory was not measured"]


def test_a_refusal_or_two_are_no_shedding() -> None:
    assert unshed({"200": 70, "201": 30, "429": 5, "503": 15}, 100) == []
    assert unshed({"200": 70, "201": 30, "503": 19}, 100) == [
        "19 requests were shed and 100 accepted, by more askers than there are places"
    ]
    # As it was with shedding taken out, and when nothing was answered.
    assert len(unshed({"200": 1380, "201": 2243, "503": 2}, 3623)) == 1
    assert len(unshed({}, 0)) == 1


def test_a_report_is_a_json_document() -> None:
    report = FloodReport(60.0, 128, 0.01)
    report.siege.note_opened("slow body")
    report.siege.note_opened("slow body")
    assert json.loads(json.dumps(report.json()))["siege"]["opened"] == {"slow body": 2}
