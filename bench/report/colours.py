"""The colours of charts and page, for light and dark."""

# name -> (light, dark): Okabe and Ito's palette for colour-blind readers, made darker on white
# and lighter on black until lines have a contrast of 3 : 1 and texts of 4.5 : 1.
COLOURS = {
    "paper": ("#ffffff", "#0d1117"),
    "ink": ("#1f2328", "#e6edf3"),
    "muted": ("#59636e", "#9198a1"),
    "grid": ("#dfe4ea", "#2b3138"),
    "accent": ("#0072b2", "#56b4e9"),
    "doubt": ("#b34700", "#ff9e4a"),
    "series-1": ("#0072b2", "#56b4e9"),
    "series-2": ("#c24e00", "#ff9e4a"),
    "series-3": ("#007a5a", "#2bc48a"),
    "series-4": ("#a8437f", "#f29ccb"),
    "series-5": ("#7a5c00", "#f0e442"),
    "series-6": ("#3b4149", "#d0d7de"),
    "phase-start": ("#57606a", "#8b949e"),
    "phase-import": ("#a9d3f0", "#b9dcf5"),
    "phase-data": ("#7a5c00", "#a8862b"),
    "phase-build": ("#f3c6dd", "#f6cfe2"),
    "phase-compile": ("#b34700", "#d9711f"),
    "phase-epochs": ("#9fdcc6", "#a6e3cd"),
    "phase-evaluation": ("#00507f", "#2f81b7"),
    "on-dark": ("#ffffff", "#000000"),
    "on-light": ("#10151b", "#10151b"),
}
SERIES = [f"var(--{name})" for name in COLOURS if name.startswith("series-")]
DASHES = [[1, 0]] * len(SERIES) + [[6, 3]] * len(SERIES)
