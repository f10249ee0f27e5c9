"""What several modules share and no user calls: nothing here is public, and nothing here knows of the rest."""
