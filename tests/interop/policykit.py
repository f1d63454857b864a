#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Stands in for PolicyKit on a private bus: a ModemManager that finds none obeys nobody.
Everything is permitted. Usage: policykit.py BUS-ADDRESS; prints "ready"."""
import sys

from harness import SERVERS

sys.path.append(str(SERVERS / "usr/lib/python3/dist-packages"))
# pylint: disable=wrong-import-position
from jeepney import HeaderFields, MessageType, new_error, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

ANSWERS = {
    "CheckAuthorization": ("(bba{ss})", ((True, False, {}),)),
    "GetAll": ("a{sv}", ({"BackendName": ("s", "stand-in"), "BackendVersion": ("s", "0"),
                          "BackendFeatures": ("u", 0)},)),
}


def main():
    with open_dbus_connection(sys.argv[1]) as bus:
        bus.send_and_get_reply(message_bus.RequestName("org.freedesktop.PolicyKit1"))
        print("ready", flush=True)
        while True:
            try:
                message = bus.receive()
            except ConnectionResetError:  # The bus has ended.
                return
            if message.header.message_type != MessageType.method_call:
                continue
            answer = ANSWERS.get(message.header.fields.get(HeaderFields.member))
            if answer:
                bus.send(new_method_return(message, *answer))
            else:
                bus.send(new_error(message, "org.freedesktop.DBus.Error.UnknownMethod"))


if __name__ == "__main__":
    main()
