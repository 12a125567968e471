"""Solution of a problem: two exact methods, the check of their results, and the analysis of
conflicts where no plan exists."""
