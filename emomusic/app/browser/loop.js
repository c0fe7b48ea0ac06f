/** Plays a silent film again and again, unless the visitor prefers less motion or stops it. */
class Loop extends Part {
  #still = matchMedia("(prefers-reduced-motion: reduce)");

  update({ address, alt }) {
    const video = this.find("video");
    if (video.src.endsWith(address)) return;
    Object.assign(video, { src: address, ariaLabel: alt });
    const follow = () => (this.#still.matches ? video.pause() : video.play().catch(() => {}));
    this.listen(this.#still, "change", follow);
    follow();
  }
}

export default (component) => Loop.show(component);
