"""The worked example of the prompt: a level shifter, which is none of the tasks, planned and written as asked."""

from __future__ import annotations

TASK = """\
Shift Vin up by one PMOS gate-source voltage: a PMOS whose drain is at ground follows Vin at its source, Vout, fed by
a PMOS current source. Ports: Vin (signal), Vout. Supply 5 V."""

PLAN = """\
1. Topology: M1 (PMOS, gate Vin, drain 0, source Vout) follows; M2 (PMOS, source Vdd) feeds it with a constant current;
   M3 (PMOS, gate and drain joined) and R1 set the gate voltage of M2.
2. Models: kp = 50u A/V^2, |Vth| = 0.5 V, lambda = 0.02 /V. In saturation Id = kp/2 (W/L) Vov^2.
3. Current: 50 uA. M3 with W/L = 20/1: Vov = sqrt(2 x 50u / (50u x 20)) = 0.32 V, so its gate is at 5 - 0.82 = 4.18 V
   and R1 = 4.18 V / 50 uA = 84 k, rounded to 82 k. M2 is equal to M3 and carries the same current.
4. M1 with W/L = 40/1: Vov = sqrt(2 x 50u / (50u x 40)) = 0.22 V, so Vout = Vin + 0.72 V. Its bulk is at its source:
   no body effect, gain close to 1.
5. Level: Vin = 2 V gives Vout = 2.72 V. M2 has 2.28 V across it, far above its Vov of 0.32 V: saturated. M1 has
   2.72 V across it, above 0.22 V: saturated."""

NETLIST = """\
Level shifter: PMOS follower on a PMOS current source
.model p1 pmos level=1 kp=50u vto=-0.5 lambda=0.02
Vdd Vdd 0 5
Vin Vin 0 2
R1 bias 0 82k
M3 bias bias Vdd Vdd p1 w=20u l=1u
M2 Vout bias Vdd Vdd p1 w=20u l=1u
M1 0 Vin Vout Vout p1 w=40u l=1u
.end
"""

NOTES = "Vin may go up to about 3.9 V before M2 leaves saturation."
