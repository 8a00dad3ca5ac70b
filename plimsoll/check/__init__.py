"""`plimsoll check`: what would the autoscaler say to these files, before they are applied?"""
