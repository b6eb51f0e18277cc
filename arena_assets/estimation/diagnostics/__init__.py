"""What is known of a target before any estimate, and whether a result may be stated."""
