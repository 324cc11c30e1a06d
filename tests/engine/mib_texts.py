"""MIB texts that tests hand in as a user's: a vendor's that is right, and some that are not."""

from __future__ import annotations

HILLTOP_SMI = """
HILLTOP-SMI DEFINITIONS ::= BEGIN
IMPORTS MODULE-IDENTITY, enterprises FROM SNMPv2-SMI;
hilltop MODULE-IDENTITY
    LAST-UPDATED "202601010000Z" ORGANIZATION "Hilltop" CONTACT-INFO "none" DESCRIPTION "Where Hilltop's names begin."
    ::= { enterprises 99999 }
END
"""

HILLTOP = """
HILLTOP-BATTERY-MIB DEFINITIONS ::= BEGIN
IMPORTS
    OBJECT-TYPE, NOTIFICATION-TYPE, Integer32, Unsigned32, Gauge32 FROM SNMPv2-SMI
    TEXTUAL-CONVENTION, DisplayString, MacAddress, TruthValue FROM SNMPv2-TC
    InterfaceIndex, ifIndex FROM IF-MIB
    hilltop FROM HILLTOP-SMI;

Tenths ::= TEXTUAL-CONVENTION
    DISPLAY-HINT "d-1" STATUS current DESCRIPTION "A tenth of a unit." SYNTAX Integer32
ChargeState ::= TEXTUAL-CONVENTION
    STATUS current DESCRIPTION "What a battery does." SYNTAX INTEGER { idle(1), charging(2), discharging(3) }

battery OBJECT IDENTIFIER ::= { hilltop 1 }
batteryVolts OBJECT-TYPE
    SYNTAX Tenths UNITS "V" MAX-ACCESS read-only STATUS current
    DESCRIPTION "The voltage
        at the clamps." ::= { battery 1 }
batteryState OBJECT-TYPE SYNTAX ChargeState MAX-ACCESS read-only STATUS current DESCRIPTION "." ::= { battery 2 }
batteryFlags OBJECT-TYPE SYNTAX BITS { cold(0), old(1), new(2) } MAX-ACCESS read-only STATUS current
    DESCRIPTION "." ::= { battery 3 }

cellTable OBJECT-TYPE SYNTAX SEQUENCE OF CellEntry MAX-ACCESS not-accessible STATUS current DESCRIPTION "." ::= { battery 4 }
cellEntry OBJECT-TYPE SYNTAX CellEntry MAX-ACCESS not-accessible STATUS current DESCRIPTION "."
    INDEX { ifIndex, cellAddress, IMPLIED cellName } ::= { cellTable 1 }
CellEntry ::= SEQUENCE { cellAddress MacAddress, cellName DisplayString, cellVolts Tenths, cellGood TruthValue }
cellAddress OBJECT-TYPE SYNTAX MacAddress MAX-ACCESS not-accessible STATUS current DESCRIPTION "." ::= { cellEntry 1 }
cellName OBJECT-TYPE SYNTAX DisplayString (SIZE (1..16)) MAX-ACCESS not-accessible STATUS current
    DESCRIPTION "." ::= { cellEntry 2 }
cellVolts OBJECT-TYPE SYNTAX Tenths UNITS "V" MAX-ACCESS read-only STATUS current DESCRIPTION "." ::= { cellEntry 3 }
cellGood OBJECT-TYPE SYNTAX TruthValue MAX-ACCESS read-only STATUS current DESCRIPTION "." ::= { cellEntry 4 }
cellMoreEntry OBJECT-TYPE SYNTAX CellMoreEntry MAX-ACCESS not-accessible STATUS current DESCRIPTION "."
    AUGMENTS { cellEntry } ::= { cellMoreTable 1 }
cellMoreTable OBJECT-TYPE SYNTAX SEQUENCE OF CellMoreEntry MAX-ACCESS not-accessible STATUS current
    DESCRIPTION "." ::= { battery 5 }
CellMoreEntry ::= SEQUENCE { cellAge Unsigned32 }
cellAge OBJECT-TYPE SYNTAX Unsigned32 (0..100) UNITS "years" MAX-ACCESS read-write STATUS deprecated
    DESCRIPTION "." ::= { cellMoreEntry 1 }
batteryLow NOTIFICATION-TYPE OBJECTS { batteryVolts } STATUS current DESCRIPTION "." ::= { hilltop 0 1 }
END
"""

OLD = """
OLD-MIB DEFINITIONS ::= BEGIN
IMPORTS OBJECT-TYPE FROM RFC-1212 Counter, Gauge, enterprises FROM RFC1155-SMI DisplayString, ifIndex FROM RFC1213-MIB
    TRAP-TYPE FROM RFC-1215;
old OBJECT IDENTIFIER ::= { enterprises 88888 }
oldName OBJECT-TYPE SYNTAX DisplayString (SIZE (0..31)) ACCESS read-write STATUS mandatory DESCRIPTION "A name." ::= { old 1 }
oldCount OBJECT-TYPE SYNTAX Counter ACCESS read-only STATUS mandatory DESCRIPTION "A count." ::= { old 2 }
oldTrap TRAP-TYPE ENTERPRISE old VARIABLES { ifIndex } DESCRIPTION "A trap." ::= 7
END
"""


def module(name: str, body: str, imports: str = "") -> str:
    """Return a module of one's own."""
    wanted = f"IMPORTS {imports};" if imports else ""
    return f"{name} DEFINITIONS ::= BEGIN\n{wanted}\n{body}\nEND\n"
