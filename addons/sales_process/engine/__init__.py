"""The rules of a sales process, without Odoo, database or clock.

`definition` says what a process is, `case` how far one has come, `events` what can happen to it,
`transition` what follows, `effects` what is then to be carried out,
`check` what is wrong with a definition, `schedule` when something is due,
`trial` plays cases through a process on a virtual clock, `call` what a telephone
system tells about a call, `ways` which ways deals took, `bottleneck` what holds them up.
"""
