// What is chosen and painted, and how it is asked for.

// about: the studio's answer to "begin". colours: of both kinds of map.
export const page = { about: null, colours: null };

// photo: {ref, label, name}. donors: as photos. painting: the stroke under the pointer. frame: the rectangle of the
// keyboard. source: the point of the donor from which painting starts, for a chosen position. seen: the last answer.
export const state = {
  photo: null, strokes: [], painting: null, frame: null, number: 0, seen: null, layer: null,
  donors: [], donor: null, source: null, pickingDonor: false,
};

const value = (id) => document.getElementById(id).value;
export const checked = (name) => document.querySelector(`[name=${name}]:checked`)?.value;
export const side = () => Number(value("side"));
export const second = () => (value("second") === "" ? null : Number(value("second")));
export const percent = (share) => `${(100 * share).toFixed(1)} %`;
export const className = (index) => (index < 0 ? "no class: the logits are no numbers" : page.about.classes[index]);

// The strokes with the donors that they name, and no others.
function painted() {
  const strokes = state.painting ? [...state.strokes, state.painting] : state.strokes;
  const used = [...new Set(strokes.map((one) => one.fill.donor).filter((one) => one !== undefined))];
  return {
    strokes: strokes.map((one) => (one.fill.donor === undefined ? one : { ...one, fill: { ...one.fill, donor: used.indexOf(one.fill.donor) } })),
    donors: used.map((one) => state.donors[one].ref),
  };
}

export const request = () => ({
  ...state.photo.ref, ...painted(), model: Number(value("model")), second: second(), number: ++state.number,
  degrees: Number(value("degrees")), attack: value("attack"), norm: value("norm"), steps: Number(value("steps")),
  method: value("method"), target: value("target") === "" ? null : Number(value("target")),
});
