module plimsoll/lawtwin

go 1.22
