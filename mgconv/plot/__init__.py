"""Pictures, by matplotlib: of series and forecasts, of what a convolution connects, of a model's kernels and maps."""
from mgconv.plot.connections import contributions, sliding
from mgconv.plot.models import feature_maps, kernels
from mgconv.plot.series import forecast, time_series

__all__ = ["contributions", "feature_maps", "forecast", "kernels", "sliding", "time_series"]
