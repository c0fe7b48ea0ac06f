// The band: loops of one tempo and key, mixed by the places of faces on the affect plane.

const GLIDE_S = 0.8; // until 95 % of a change is done
const TIME_CONSTANT_S = GLIDE_S / 3;
const FADE_S = 0.03; // time constant, short but without a click
const DUET_PAN = 0.7;
const DUET_GAIN = 0.5; // two alike seats are as loud as one
const BUTTERWORTH_DB = -3.01;

const ramp = (value, start, end) => Math.min(Math.max((value - start) / (end - start), 0), 1);

/** The gain of each loop, and the cutoff of the low-pass filter in Hz, at a place of the affect plane. */
export function placeGains(valence, arousal) {
  const levels = {
    pad: 1 - 0.7 * ramp(arousal, 0, 0.4),
    bass: 0.5 * ramp(arousal, 0.15, 0.5),
    lead: 0.4 * ramp(arousal, 0.2, 0.6),
    drums: 1.2 * ramp(arousal, 0, 0.6),
  };
  const norm = Math.hypot(...Object.values(levels));
  const angle = (ramp(valence, -0.5, 0.5) * Math.PI) / 2;
  const gains = {};
  for (const [layer, level] of Object.entries(levels)) {
    gains[`${layer}Minor`] = (level / norm) * Math.cos(angle);
    gains[`${layer}Major`] = (level / norm) * Math.sin(angle);
  }
  return { gains, cutoffHz: 700 * 22 ** ramp(arousal, -0.5, 0.6) };
}

/** The mean of places on the affect plane. */
export const meanOf = (places) => {
  const mean = (axis) => places.reduce((sum, place) => sum + place[axis], 0) / places.length;
  return { valence: mean("valence"), arousal: mean("arousal") };
};

/** Blend the margin after the end of a loop into its start: files with loss have a small step there. */
function blendSeam(buffer, start, end) {
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const samples = buffer.getChannelData(channel);
    const length = Math.min(buffer.length - end, end - start);
    for (let i = 0; i < length; i++) {
      samples[start + i] = samples[end + i] + (samples[start + i] - samples[end + i]) * (i / length);
    }
  }
  return buffer;
}

/** One player of the band: a gain for each loop, the filter, and a place between left and right. */
class Seat {
  constructor(context, loops, output) {
    this.context = context;
    this.inputs = Object.fromEntries(loops.map((loop) => [loop, new GainNode(context, { gain: 0 })]));
    this.filter = new BiquadFilterNode(context, { type: "lowpass", Q: BUTTERWORTH_DB });
    this.filter.channelCount = 2;
    this.filter.channelCountMode = "explicit"; // a mono input would change the panner's law
    this.filter.frequency.automationRate = "k-rate";
    this.panner = new StereoPannerNode(context);
    this.level = new GainNode(context, { gain: 0 });
    Object.values(this.inputs).forEach((input) => input.connect(this.filter));
    this.filter.connect(this.panner).connect(this.level).connect(output);
  }

  /** Glide to a place; `pan` is from -1 (left) to 1, `level` is 0 for an empty seat. */
  glide({ valence, arousal }, pan, level) {
    const { gains, cutoffHz } = placeGains(valence, arousal);
    const to = (param, value) => param.setTargetAtTime(value, this.context.currentTime, TIME_CONSTANT_S);
    Object.entries(gains).forEach(([loop, gain]) => to(this.inputs[loop].gain, gain));
    to(this.filter.frequency, cutoffHz);
    to(this.panner.pan, pan);
    to(this.level.gain, level);
  }
}

/**
 * Plays the loops of a style together and mixes them by the places of faces.
 *
 * One face has the middle, two play a duet to the left and the right, and more share one place: their mean.
 */
export class BandMixer {
  #band;
  #fetchLoop;
  #context = null;
  #output;
  #seats = [];
  #sources = [];
  #style = "";
  #places = [{ valence: 0, arousal: 0 }];
  #volume = 0.8;
  #isMuted = false;

  /**
   * @param band band.json.
   * @param fetchLoop gives the ArrayBuffer of a file, or its promise, from the names of a style and a loop.
   */
  constructor(band, fetchLoop) {
    this.#band = band;
    this.#fetchLoop = fetchLoop;
  }

  /** Start a style. Call it in a click, which lets the browser play sound. A context is given only by tests. */
  async start(style, context = new AudioContext({ sampleRate: 48000 })) {
    await this.stop();
    this.#context = context;
    this.#output = new GainNode(context, { gain: 0 });
    this.#output.connect(context.destination);
    this.#seats = [0, 1].map(() => new Seat(context, this.#band.loops, this.#output));
    context.resume?.()?.catch(() => {}); // an offline context resumes only while it renders
    await this.#play(style);
    this.setPlace(this.#places);
  }

  /** Change the style. */
  async setStyle(style) {
    if (this.#context && style !== this.#style) await this.#play(style);
  }

  async #play(style) {
    const [context, { loops, margin_s: margin, styles }] = [this.#context, this.#band];
    const end = margin + styles.find(({ name }) => name === style).length_s;
    this.#style = style;
    const decode = async (loop) => {
      const buffer = await context.decodeAudioData(await this.#fetchLoop(style, loop));
      return blendSeam(buffer, Math.round(margin * buffer.sampleRate), Math.round(end * buffer.sampleRate));
    };
    const buffers = await Promise.all(loops.map(decode));
    if (context !== this.#context || style !== this.#style) return; // stopped or changed in the meantime
    const start = context.currentTime + 5 * FADE_S;
    this.#output.gain.setTargetAtTime(0, context.currentTime, FADE_S);
    this.#sources.forEach((source) => source.stop(start));
    this.#sources = loops.map((loop, position) => {
      const options = { buffer: buffers[position], loop: true, loopStart: margin, loopEnd: end };
      const source = new AudioBufferSourceNode(context, options);
      this.#seats.forEach((seat) => source.connect(seat.inputs[loop]));
      source.start(start, margin);
      return source;
    });
    this.#setOutput(start);
  }

  /** Follow the faces: a list of {valence, arousal}, from the left to the right of the mirrored picture. */
  setPlace(places) {
    if (!places.length) return; // without a face, the music stays
    this.#places = places;
    if (!this.#context) return;
    const isDuet = places.length === 2;
    const [first, second] = isDuet ? places : [meanOf(places), meanOf(places)];
    this.#seats[0].glide(first, isDuet ? -DUET_PAN : 0, isDuet ? DUET_GAIN : 1);
    this.#seats[1].glide(second, isDuet ? DUET_PAN : 0, isDuet ? DUET_GAIN : 0);
  }

  /** From 0 to 1. */
  setVolume(volume) {
    this.#volume = Math.min(Math.max(volume, 0), 1);
    this.#setOutput();
  }

  setMuted(isMuted) {
    this.#isMuted = isMuted;
    this.#setOutput();
  }

  #setOutput(time = this.#context?.currentTime) {
    if (!this.#context) return;
    const { gain } = this.#output;
    if (time === this.#context.currentTime) gain.cancelScheduledValues(time); // a later start must not undo it
    gain.setTargetAtTime(this.#isMuted ? 0 : this.#volume, time, FADE_S);
  }

  get isPlaying() {
    return this.#sources.length > 0;
  }

  /** How loud each seat plays now, and the gain of each of its loops, as they glide. */
  get seats() {
    const gainsOf = (inputs) => Object.fromEntries(this.#band.loops.map((loop) => [loop, inputs[loop].gain.value]));
    return this.#seats.map(({ inputs, level }) => ({ level: level.gain.value, gains: gainsOf(inputs) }));
  }

  /** The node that plays, for a recording or a meter; null before the start. */
  get output() {
    return this.#context && this.#output;
  }

  /** Stop, and release the sound device. */
  async stop() {
    const context = this.#context;
    this.#context = null;
    this.#sources = [];
    if (context?.close) await context.close();
  }
}

/** A mixer of the app's loops, which are beside this script. */
export async function bandMixer() {
  const ask = (name) => fetch(new URL(name, import.meta.url));
  const fetchLoop = async (style, loop) => (await ask(`${style}-${loop}.opus`)).arrayBuffer();
  return (window.emomusicBand = new BandMixer(await (await ask("band.json")).json(), fetchLoop)); // for tests
}
