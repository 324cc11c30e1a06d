"""Ways from this computer to a device, as people see and use them. Counterpart: `engine/access/`, which carries.

One rule: no password is asked, shown or handed on here.
"""
