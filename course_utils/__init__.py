"""What the lessons of the digit-recognition course share; every idea here is first built in view in a lesson."""
