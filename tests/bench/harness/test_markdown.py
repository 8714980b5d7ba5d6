from nst_bench.harness.markdown import percent, table


def test_a_table_with_numbers_to_the_right() -> None:
    wanted = "| what | old ms | new |\n|---|---:|---|\n| a/b | 1.5 | two lines |"
    assert table("what | old ms > | new", [["a|b", 1.5, "two\nlines"]]) == wanted
    assert table(["what", "old ms >", "new"], [["a|b", 1.5, "two\nlines"]]) == wanted


def test_names_of_columns_may_hold_bars() -> None:
    assert table(["a|b >"], [[1]]) == "| a/b |\n|---:|\n| 1 |"


def test_no_rows_no_table() -> None:
    assert table("a | b", []) == ""


def test_shares() -> None:
    assert percent(0.1234) == "12.3 %"
    assert percent(None) == ""
