"""What all pictures share. Figures are made without pyplot: nothing pops up, no setting of the process changes."""
SERIES = "#1f4e79"
PREDICTION = "#d62728"
QUIET = "#6b7280"


def new_figure(layout="constrained", **options):
    """An empty matplotlib figure; ImportError with advice where matplotlib is missing."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("mgconv.plot needs matplotlib: `pip install matplotlib`.") from error
    return Figure(layout=layout, **options)
