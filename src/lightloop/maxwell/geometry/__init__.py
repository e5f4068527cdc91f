"""Devices in lengths and materials: shapes, files, layouts, and their permittivity on a grid."""
