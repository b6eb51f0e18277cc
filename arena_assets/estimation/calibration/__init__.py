"""From judge scores to oracle labels: isotonic and two-stage regression, weight projection, the test of transport."""
