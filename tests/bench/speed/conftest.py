"""A report with made-up times."""

from made_reports import report as report  # a fixture
