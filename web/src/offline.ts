// Keeps all that the page consists of, so that it works without a network from the second time on.

const CACHE = "action-recognition";

export async function keepForOffline(): Promise<void> {
  if (!("serviceWorker" in navigator) || !("caches" in self)) return;
  try {
    await navigator.serviceWorker.register("./offline-worker.js");
    const own = performance
      .getEntriesByType("resource")
      .map((entry) => entry.name)
      .filter((name) => name.startsWith(location.origin));
    const cache = await caches.open(CACHE);
    await Promise.all([...new Set([location.href.split("#")[0]!, ...own])].map((name) => cache.add(name)));
    document.documentElement.dataset["offline"] = "ready";
  } catch (error) {
    console.warn("the page will need the network the next time, too", error);
  }
}
