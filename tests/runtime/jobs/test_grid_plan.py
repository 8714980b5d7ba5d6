"""Which images a grid has, where, and under which names."""

from pathlib import Path

from nst_rt.jobs.grid.parameters import NETWORK, parse_sweep
from nst_rt.jobs.grid.plan import Plan, plan_grid


def table(plan: Plan) -> list[list[str]]:
    rows: list[list[str]] = [[""] * plan.columns for _ in range(plan.rows)]
    for cell in plan.cells:
        rows[cell.row][cell.column] = cell.file
    return rows


def test_contents_by_styles() -> None:
    plan = plan_grid([Path("x/a.jpg"), Path("b.png")], ["gogh", "gogh:0.7+wave:0.3"], [None], [], {"size": 64})
    assert table(plan) == [
        ["a.gogh.png", "a.gogh-0.7+wave-0.3.png"],
        ["b.gogh.png", "b.gogh-0.7+wave-0.3.png"],
    ]
    assert [cell.label for cell in plan.cells[:2]] == ["gogh", "gogh:0.7+wave:0.3"]
    assert plan.heads == ("gogh", "gogh:0.7+wave:0.3")
    assert plan.contents == (Path("x/a.jpg"), Path("b.png"))
    assert plan.sides == ("a", "b")
    request = plan.cells[3].request
    assert (request.content, request.style, request.model) == (Path("b.png"), "gogh:0.7+wave:0.3", None)
    assert request.settings == {"size": 64}


def test_one_pair_over_a_parameter() -> None:
    plan = plan_grid([Path("a.jpg")], [""], [None], [parse_sweep("strength=0.2,1", NETWORK)], {"size": 64})
    assert table(plan) == [["a.strength-0.2.png", "a.strength-1.png"]]
    assert [cell.label for cell in plan.cells] == ["strength 0.2", "strength 1"]
    assert [cell.request.settings for cell in plan.cells] == [
        {"size": 64, "strength": 0.2},
        {"size": 64, "strength": 1},
    ]
    assert plan.heads == ("", "")


def test_models_are_columns_where_there_is_one_style_else_rows() -> None:
    models = ["adain", "some/net.onnx"]
    plan = plan_grid([Path("a.jpg")], ["x/p.jpg"], models, [], {})
    assert table(plan) == [["a.p.adain.png", "a.p.net.png"]]
    plan = plan_grid([Path("a.jpg")], ["x/p.jpg", "x/q.jpg"], models, [], {})
    assert table(plan) == [["a.p.adain.png", "a.q.adain.png"], ["a.p.net.png", "a.q.net.png"]]
    assert plan.sides == ("adain", "net")


def test_two_sweeps_are_rows_and_columns() -> None:
    sweeps = [parse_sweep(text, NETWORK) for text in ("color=0,1", "strength=0.2,0.5,1")]
    plan = plan_grid([Path("a.jpg")], ["gogh"], [None], sweeps, {})
    assert (plan.rows, plan.columns, plan.sides) == (2, 3, ("color 0, gogh", "color 1, gogh"))
    assert plan.cells[4].file == "a.gogh.color-1.strength-0.5.png"


def test_a_named_style_that_is_nowhere_else_stands_beside_the_photograph() -> None:
    sweep = parse_sweep("strength=0,1", NETWORK)
    assert plan_grid([Path("a.jpg")], ["gogh"], [None], [sweep], {}).sides == ("a, gogh",)
    assert plan_grid([Path("a.jpg")], ["x/p.jpg"], [None], [sweep], {}).sides == ("a",)
    assert plan_grid([Path("a.jpg")], ["gogh", "x/p.jpg"], [None], [sweep], {}).sides == ("gogh", "p")


def test_images_of_one_name_are_numbered() -> None:
    plan = plan_grid([Path("x/a.jpg"), Path("y/A.jpg")], ["gogh"], [None], [], {})
    assert table(plan) == [["a.gogh.png"], ["A.gogh-2.png"]]
