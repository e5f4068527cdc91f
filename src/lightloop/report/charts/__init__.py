"""The kinds of figure a report is made of. Each takes plain numbers and returns a plotly figure as a dict."""

from lightloop.report.charts.bars import grouped_bars, stacked_bars, stacked_columns
from lightloop.report.charts.curves import Line, lines
from lightloop.report.charts.explored import scatter_designs
from lightloop.report.charts.intervals import Band, bands, intervals
from lightloop.report.charts.ladder import floors
from lightloop.report.charts.link import LinkPath, LinkStage, waterfall
from lightloop.report.charts.ranked import Bar, ranking
from lightloop.report.charts.rings import sunburst
from lightloop.report.charts.roofs import RoofPoint, roofline
from lightloop.report.charts.sensitivities import tornado
from lightloop.report.charts.timeline import gantt
from lightloop.report.charts.tradeoff import Point, pareto
from lightloop.report.theme import Figure

__all__ = [
    "Band",
    "Bar",
    "Figure",
    "Line",
    "LinkPath",
    "LinkStage",
    "Point",
    "RoofPoint",
    "bands",
    "floors",
    "gantt",
    "grouped_bars",
    "intervals",
    "lines",
    "pareto",
    "ranking",
    "roofline",
    "scatter_designs",
    "stacked_bars",
    "stacked_columns",
    "sunburst",
    "tornado",
    "waterfall",
]
