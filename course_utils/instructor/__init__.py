"""The instructor's room: runs the lessons with papermill, renders them, and builds the page that shows a run."""
