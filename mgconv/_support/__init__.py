"""What the rooms of the package share: the registry and configurations, checks of arguments, aligned memory, files
written whole. Nothing here is public."""
