// What the page does in the browser: replay, copy, download, say aloud.
() => {
  const player = new Audio();
  let playing = null;
  const mark = (button, on) => {
    button.classList.toggle("on", on);
    button.textContent = on ? "Stop" : "Replay";
  };
  const stop = () => {
    player.pause();
    if (playing) mark(playing, false);
    playing = null;
  };
  player.addEventListener("ended", stop);
  player.addEventListener("error", () => {
    if (playing) playing.textContent = "No longer there";
    playing = null;
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-sound]");
    if (!button) return;
    const again = button === playing;
    stop();
    if (again) return;
    playing = button;
    mark(button, true);
    player.src = button.dataset.sound;
    player.play().catch(() => {});
  });

  const record = () =>
    document.querySelector("#past .turns")?.dataset.record ??
    JSON.stringify({ turns: [] });
  // What happened, for those who cannot see it.
  const news = document.createElement("p");
  news.id = "news";
  news.setAttribute("role", "status");
  document.body.append(news);
  window.conversation = {
    async copy() {
      const button = document.querySelector("#copy");
      try {
        await navigator.clipboard.writeText(record());
        news.textContent = button.textContent = "Copied";
      } catch {
        news.textContent = button.textContent = "Not allowed";
      }
      setTimeout(() => (button.textContent = "Copy JSON"), 1500);
    },
    download() {
      const link = document.createElement("a");
      const file = new Blob([record()], { type: "application/json" });
      link.href = URL.createObjectURL(file);
      link.download = "conversation.json";
      link.click();
      URL.revokeObjectURL(link.href);
    },
  };

  // Shows how loud it is for as long as somebody holds the microphone.
  const devices = navigator.mediaDevices;
  const open = devices?.getUserMedia.bind(devices);
  const watch = (stream) => {
    const [track] = stream.getAudioTracks();
    const level = document.querySelector(".level");
    if (!track || !level) return;
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const timer = setInterval(() => {
      const live = track.readyState === "live";
      level.classList.toggle("live", live);
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, x) => sum + x * x, 0) / samples.length;
      // From -60 to 0 dB.
      const loud = Math.min(Math.max(1 + Math.log10(power + 1e-9) / 6, 0), 1);
      level.firstChild.style.width = `${100 * loud}%`;
      level.setAttribute("aria-valuenow", Math.round(100 * loud));
      if (live) return;
      clearInterval(timer);
      context.close();
    }, 80);
  };
  if (open)
    devices.getUserMedia = async (wanted) => {
      const stream = await open(wanted);
      watch(stream);
      return stream;
    };

  const past = document.querySelector("#past");
  new MutationObserver(() => {
    if (playing && !playing.isConnected) {
      // Written anew, with the turn that came, or forgotten.
      const { sound } = playing.dataset;
      playing = past.querySelector(`[data-sound="${sound}"]`);
      if (playing) mark(playing, true);
      else stop();
    }
    const answers = past.querySelectorAll(".turn:last-child .answer");
    news.textContent = [...answers]
      .map((answer) => answer.innerText.replace(/\n+/g, ". "))
      .join(" ");
  }).observe(past, { childList: true, subtree: true });
  const scroll = document.querySelector("#scroll");
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", "Conversation");
  document.documentElement.lang = "en";
}
