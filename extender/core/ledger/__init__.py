"""Which device has how much room?"""
