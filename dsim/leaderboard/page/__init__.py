"""A leaderboard to read: Markdown, and one HTML page that needs nothing else."""
