"""``dsim roi``: the commands of SimSearch."""
