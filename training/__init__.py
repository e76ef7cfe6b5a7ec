"""From pairs to a candidate and its scorecard."""
