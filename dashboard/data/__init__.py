"""What the pages read: files as they lie on disk now, cached by what identifies their contents."""
