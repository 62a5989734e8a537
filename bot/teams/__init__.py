"""The way to Teams and back: the only rooms that know the Bot Framework SDK and MSAL.

gateway.py      builds the parts below and hands out a Messenger and a route
door.py         a request becomes an activity of the SDK, a typed event, and an answer
auth.py         who may speak to us: token, tenant, service URL
keys.py         the keys those tokens are signed with
incoming.py     JSON → the SDK's Activity → what happened
connector.py    the Messenger: outbound calls
outgoing.py     a Message → activity JSON
refusals.py     Teams' refusals → try later, or give up
credentials.py  the bot's own token
hosts.py        which hosts that token may be sent to
network.py      one session, one trust, for every outbound call
"""
