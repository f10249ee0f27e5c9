"""Pictures, by matplotlib: of series and forecasts, of what a convolution connects, of a model's kernels and maps,
of how it learned."""
from mgconv.plot.connections import contributions, sliding
from mgconv.plot.models import feature_maps, kernels
from mgconv.plot.series import forecast, future, time_series
from mgconv.plot.training import history

__all__ = ["contributions", "feature_maps", "forecast", "future", "history", "kernels", "sliding", "time_series"]
