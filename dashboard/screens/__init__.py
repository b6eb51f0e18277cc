"""The six pages. Each reads its frames, calls pure views, and puts the results on the screen."""
