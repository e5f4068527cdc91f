"""How the figures of `report.charts` are drawn without a browser, piece by piece; `report.static` is the door."""
