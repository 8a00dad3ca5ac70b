module plimsoll/servingfloor

go 1.26
