"""The colours of pages and drawings, on light and on dark ground, by what they mean."""

LIGHT = {
    "ground": "#f7f7f5",
    "paper": "#ffffff",
    "ink": "#1d1d1f",
    "quiet": "#5b5c63",
    "line": "#d9d9d5",
    "accent": "#1f5fbf",
    "known": "#83868d",
    "good": "#17683f",
    "bad": "#b3261e",
    "open": "#7a5200",
    "good-soft": "#dff3e7",
    "bad-soft": "#fbe3e1",
    "open-soft": "#fbeed0",
}
"""Name -> colour on light ground; drawings use these, and the page puts its own in their place."""

DARK = {
    "ground": "#16171a",
    "paper": "#1f2125",
    "ink": "#ececee",
    "quiet": "#a9abb3",
    "line": "#3a3d44",
    "accent": "#8ab4f8",
    "known": "#8b8f98",
    "good": "#7fd3a4",
    "bad": "#ff9a8f",
    "open": "#f0c674",
    "good-soft": "#173626",
    "bad-soft": "#47211e",
    "open-soft": "#3a2f14",
}
"""The same on dark ground."""
