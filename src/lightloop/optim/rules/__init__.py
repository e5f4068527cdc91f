"""The rules by which a matrix of low-rank state is stepped, and what they share."""
