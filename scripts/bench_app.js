// What bench_app.py evaluates in the page.

// Whether the sentence, another photo than `before` with its faces, and the sound of a song are there
window.isAnswered = before => {
  const title = document.querySelector(".st-key-sentence h1")?.textContent;
  const photo = document.querySelector(".st-key-photo-preview:has(.st-key-photo-face-1) img");
  const isShown = title && title !== "Looking for faces" && photo?.checkVisibility() && photo.src !== before;
  return isShown && window.emomusicPlayer?.song && !window.emomusicPlayer.audio.paused && photo.src;
};

// Milliseconds from a click to another song that sounds
window.nextSong = key => new Promise(resolve => {
  const player = window.emomusicPlayer, before = player.song.id, began = performance.now();
  const timer = setInterval(() => {
    if (player.song?.id === before || player.audio.paused) return;
    clearInterval(timer);
    resolve(performance.now() - began);
  }, 5);
  document.querySelector(`.st-key-${key} button`).click();
});

// Milliseconds from a click on a sample to its photo with faces and sentence, and to its complete answer
window.choosePhoto = name => new Promise(resolve => {
  const image = () => document.querySelector(".st-key-photo-preview img")?.src;
  const before = image(), began = performance.now(), times = [];
  const timer = setInterval(() => {
    const title = document.querySelector(".st-key-sentence h1")?.textContent;
    if (!image() || image() === before || title === "Looking for faces") return;
    if (!times.length) times.push(performance.now() - began);
    if (document.querySelector("[data-stale='true']")) return;
    clearInterval(timer);
    resolve([...times, performance.now() - began]);
  }, 5);
  document.querySelector(`.st-key-sample-${name} button`).click();
});
