"""How makes of SNMP devices are read, as data: `shipped/*.yaml` and the user's own. Counterpart: `engine/drivers/snmp.py`.

One rule: a profile says what and where; how it is asked and decoded is the driver's.
"""

from engine.drivers.profiles.language import Profile
from engine.drivers.profiles.library import FOLDER, Profiles

__all__ = ["FOLDER", "Profile", "Profiles"]
