"""A GIF from a figure that changes, by matplotlib's writer, which needs Pillow."""


class GifWriter:
    """Grabs the figure at each `add_frame`; a context manager, and on an error inside it nothing is written.

    Parameters
    ----------
    path : str or path
    figure : matplotlib.figure.Figure
    frames_per_second : int
    """

    def __init__(self, path, figure, frames_per_second):
        try:
            from matplotlib.animation import PillowWriter
        except ImportError as error:
            raise ImportError("an animation needs matplotlib and Pillow: `pip install matplotlib pillow`.") from error
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        FigureCanvasAgg(figure)
        self._writer = PillowWriter(fps=frames_per_second)
        self._writer.setup(figure, str(path))

    def __enter__(self):
        return self

    def add_frame(self):
        """Adds the figure as it is now."""
        self._writer.grab_frame()

    def __exit__(self, kind, value, traceback):
        if kind is None:
            self._writer.finish()
