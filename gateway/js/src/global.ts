// The script-tag bundle; works with importScripts in workers too. What modules export by name is found on the class.
import {
  ArrayCollection,
  CollectionDeltaProcessor,
  fetchSubscription,
  MapCollection,
  SingleItemCollection,
  Snorky as Client,
} from "./index.js";

const Snorky = Object.assign(Client, {
  ArrayCollection,
  CollectionDeltaProcessor,
  fetchSubscription,
  MapCollection,
  SingleItemCollection,
});

declare global {
  var Snorky: typeof Client & {
    ArrayCollection: typeof ArrayCollection;
    CollectionDeltaProcessor: typeof CollectionDeltaProcessor;
    fetchSubscription: typeof fetchSubscription;
    MapCollection: typeof MapCollection;
    SingleItemCollection: typeof SingleItemCollection;
  };
}

globalThis.Snorky = Snorky;
