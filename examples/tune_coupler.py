"""A 2 x 2 coupler of silicon wires, tuned to 50:50 by its adjoint, and its response over the channels of a dot product.

    python examples/tune_coupler.py --out runs/coupler

Writes `coupler.json` (`CouplerResponse.read`), `tuning.json` and `coupler.png`. Some ninety seconds on one core;
`--dl-um 0.05,0.025` takes twenty, with error bars ten times as long. docs/coupler.md says what comes out.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from pathlib import Path

from lightloop.loop.simulated_coupler import accelerator_settings, dot_core
from lightloop.maxwell.coupler.channels import comb_um, response
from lightloop.maxwell.coupler.tuning import tune
from lightloop.maxwell.devices import DEVICES
from lightloop.maxwell.geometry.effective_index import InFilm
from lightloop.maxwell.pictures import write_picture
from lightloop.optics.coupler import power_coupling
from lightloop.runs import write_json

# 220 nm of silicon on insulator; the fit of the closed form is for a gap of 0.1 um and half its coupling length.
WIRES = InFilm(DEVICES["coupler"], {"width_um": 0.45})
BOUNDS_UM = {"length_um": (0.5, 6.0), "gap_um": (0.1, 0.25)}
START_UM = {"length_um": 3.44, "gap_um": 0.1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--dl-um", default="0.025,0.0125")
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    dl_um = [float(one) for one in given.dl_um.split(",")]
    began = time.process_time()
    tuned = tune(WIRES, BOUNDS_UM, START_UM, dl_um=dl_um, workers=given.jobs, on_round=print)
    print(f"{tuned.steps} gradients, {time.process_time() - began:.0f} s of CPU in this process")
    found = tuned.response
    formula = power_coupling(found.wavelengths_um)
    found.write(given.out / "coupler.json")
    write_json(given.out / "tuning.json", {name: one for name, one in tuned.to_dict().items() if name != "response"})
    write_picture(found.plot(formula), given.out / "coupler.png")
    print("\nwavelength   kappa            closed form   phase error      loss (dB)          reflection")
    for place, wavelength_um in enumerate(found.wavelengths_um):
        kappa, phase, loss = (
            f"{one.value[place]:.5f} ± {one.error[place]:.5f}" for one in (found.kappa, found.phase_deg, found.loss_db)
        )
        reflected = f"< {found.reflection_db[place]:.0f} dB"
        print(f"{wavelength_um:.4f}    {kappa}   {formula[place]:.5f}    {phase}    {loss}    {reflected}")
    wide = comb_um(25)[[0, -1]]
    outer = response(partial(WIRES, **tuned.parameters), wide, dl_um, workers=given.jobs)
    print(f"\n25 channels: kappa {outer.kappa.value}, closed form {power_coupling(wide)}")
    print(f"accelerator: {accelerator_settings(found)}")
    print(f"optical layers: {dot_core(found).imbalance.round(5).tolist()}")


if __name__ == "__main__":
    main()
