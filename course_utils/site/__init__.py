"""Builds pages to be read without a network, in one theme: the public site, a run's report, a sweep's page."""
