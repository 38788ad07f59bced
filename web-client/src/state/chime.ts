/** A short sound, made here so that none has to be loaded. At most one in three seconds. */
const EVERY_MS = 3000;
const TONES_HZ = [660, 880] as const;

let context: AudioContext | null = null;
let lastAt = -Infinity;

export function chime(now = performance.now()): void {
  if (now - lastAt < EVERY_MS || !("AudioContext" in window)) return;
  lastAt = now;
  context ??= new AudioContext();
  const { currentTime, destination } = context;
  const gain = context.createGain();
  gain.connect(destination);
  gain.gain.setValueAtTime(0.08, currentTime);
  gain.gain.exponentialRampToValueAtTime(0.0001, currentTime + 0.4);
  TONES_HZ.forEach((frequency, i) => {
    const tone = new OscillatorNode(context as AudioContext, { frequency });
    tone.connect(gain);
    tone.start(currentTime + i * 0.12);
    tone.stop(currentTime + 0.4);
  });
}
